"""Run HiGHS so that Ctrl-C is answered at once."""

from __future__ import annotations

import threading
from typing import Any


def run(highs: Any) -> None:
    """Solve what HiGHS was given; an interruption leaves it behind, to end as soon as it looks at its time.

    HiGHS hears of no signal while it works, and may work for a long time between the places where it could be asked
    to stop. It has therefore a thread of its own while the caller waits, which can be broken off at any moment. What
    it finds does not depend on who waits for it.
    """
    if threading.current_thread() is not threading.main_thread():
        highs.run()  # no signal arrives here
        return
    raised: list[BaseException] = []

    def work() -> None:
        try:
            highs.run()
        except BaseException as error:  # noqa: BLE001 - handed to who waits
            raised.append(error)

    worker = threading.Thread(target=work, name="HiGHS", daemon=True)
    try:
        worker.start()
        worker.join()
    except BaseException:
        highs.setOptionValue("time_limit", 0.0)
        raise
    if raised:
        raise raised[0]
