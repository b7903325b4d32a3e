/* Draws very many neighbourhoods on one canvas, and joins radio buttons, search, card and table to it. Names reach the page as text. */
"use strict";
var overview = (function () {
  var ROUND = 2 * Math.PI * 6378137;  /* of the earth as web maps see it, m */
  var OUTLINED = 2500, NUMBER = 26, MOST = 12, PAPER = [692, 530];  /* zones in view that get outlines; px that a class number needs; finds listed; px of a printed map */
  var still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;

  function all(selector, inside) { return Array.prototype.slice.call((inside || document).querySelectorAll(selector)); }
  function byId(id) { return document.getElementById(id); }
  function made(name, words, inside) {
    var element = document.createElement(name);
    if (words) { element.textContent = words; }
    if (inside) { inside.appendChild(element); }
    return element;
  }

  function unpacked() {
    var text = atob(byId("packed").textContent), bytes = new Uint8Array(text.length);
    for (var i = 0; i < text.length; i += 1) { bytes[i] = text.charCodeAt(i); }
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
  }

  /* Points from their differences; for each shape its first ring, for each ring its first point, and a box around each shape. */
  function Shapes(told) {
    var n = told.rings.length, x = new Int32Array(told.xy.length / 2), y = new Int32Array(x.length);
    var ring = new Int32Array(n + 1), point = new Int32Array(told.points.length + 1), box = new Int32Array(4 * n), i, k;
    for (i = 0; i < x.length; i += 1) {
      x[i] = told.xy[2 * i] + (i ? x[i - 1] : 0);
      y[i] = told.xy[2 * i + 1] + (i ? y[i - 1] : 0);
    }
    for (i = 0; i < told.points.length; i += 1) { point[i + 1] = point[i] + told.points[i]; }
    for (k = 0; k < n; k += 1) {
      var w = Infinity, a = Infinity, e = -Infinity, b = -Infinity;
      ring[k + 1] = ring[k] + told.rings[k];
      for (i = point[ring[k]]; i < point[ring[k + 1]]; i += 1) {
        if (x[i] < w) { w = x[i]; }
        if (x[i] > e) { e = x[i]; }
        if (y[i] < a) { a = y[i]; }
        if (y[i] > b) { b = y[i]; }
      }
      box.set([w, a, e, b], 4 * k);
    }
    return {
      size: n, box: box,
      touches: function (k, b) { return box[4 * k] <= b[2] && box[4 * k + 2] >= b[0] && box[4 * k + 1] <= b[3] && box[4 * k + 3] >= b[1]; },
      trace: function (ctx, k, at) {
        for (var r = ring[k]; r < ring[k + 1]; r += 1) {
          var i = point[r], end = point[r + 1];
          ctx.moveTo(x[i] * at.k + at.x, y[i] * at.k + at.y);
          for (i += 1; i < end; i += 1) { ctx.lineTo(x[i] * at.k + at.x, y[i] * at.k + at.y); }
          ctx.lineTo(x[point[r]] * at.k + at.x, y[point[r]] * at.k + at.y);  /* closePath() takes longer with every ring of a path */
        }
      },
      /* Whether a point lies in it: how often a line from it crosses the edge. */
      holds: function (k, px, py) {
        var odd = false;
        if (!this.touches(k, [px, py, px, py])) { return false; }
        for (var r = ring[k]; r < ring[k + 1]; r += 1) {
          for (var i = point[r], j = point[r + 1] - 1; i < point[r + 1]; j = i, i += 1) {
            if ((y[i] > py) !== (y[j] > py) && px < (x[j] - x[i]) * (py - y[i]) / (y[j] - y[i]) + x[i]) { odd = !odd; }
          }
        }
        return odd;
      }
    };
  }

  /* Sort a table by the buttons in its headings; figures the largest first, what is not known last. */
  function Sorting(table) {
    var body = table.tBodies[0], heads = [], now = null;
    function isFigure(column) { return heads[column].classList.contains("n"); }
    function value(row, column) {
      var text = row.cells[column].textContent, figure = parseFloat(text.replace("−", "-").replace(/,/g, ""));
      return isFigure(column) ? (isNaN(figure) ? null : figure) : text.toLowerCase();
    }
    function sort(column, down) {
      var rows = all("tr", body).map(function (row) { return [value(row, column), row]; });
      rows.sort(function (a, b) {
        if (a[0] === null || b[0] === null) { return (a[0] === null) - (b[0] === null); }
        return (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0) * (down ? -1 : 1);
      });
      rows.forEach(function (pair) { body.appendChild(pair[1]); });
      heads.forEach(function (head) { head.removeAttribute("aria-sort"); });
      heads[column].setAttribute("aria-sort", down ? "descending" : "ascending");
      now = [column, down];
    }
    function add(head) {
      var column = heads.push(head) - 1, button = made("button", head.textContent);
      button.type = "button";
      head.textContent = "";
      head.appendChild(button);
      button.addEventListener("click", function () { sort(column, now && now[0] === column ? !now[1] : isFigure(column)); });
    }
    var lower = all("th", table.tHead.rows[1]);
    all("th", table.tHead.rows[0]).forEach(function (head) {
      (head.getAttribute("scope") === "colgroup" ? lower.splice(0, head.colSpan) : [head]).forEach(add);
    });
    return { again: function () { if (now) { sort(now[0], now[1]); } } };
  }

  function start(map, corners) {
    var form = byId("controls"), frame = byId("map"), box = map.getContainer(), bounds = L.latLngBounds(corners);
    box.setAttribute("role", "application");
    box.setAttribute("aria-label", frame.dataset.label);
    map.attributionControl.setPrefix("Leaflet");
    map.fitBounds(bounds, { animate: false, padding: [6, 6] });
    map.setMinZoom(map.getZoom() - 1).setMaxBounds(bounds.pad(0.6));
    map.on("focus", function () { map.scrollWheelZoom.enable(); }).on("blur", function () { map.scrollWheelZoom.disable(); });
    form.addEventListener("submit", function (event) { event.preventDefault(); });
    byId("search").addEventListener("submit", function (event) { event.preventDefault(); });
    Promise.resolve().then(unpacked).then(function (told) { show(map, told, form, frame); }, function () {
      byId("found").textContent = "This browser is too old to draw the map. The table below says the same by council.";
    });
  }

  function show(map, told, form, frame) {
    var zones = Shapes(told.zones), borders = Shapes(told.borders), canvas = L.canvas({ pane: "zones", padding: 0.1 });
    var style = getComputedStyle(document.documentElement), chosen = -1, shading, digits, sorting = Sorting(byId("councils"));
    var towns = told.councils.map(function () { return { n: 0, x: 0, y: 0, box: [Infinity, Infinity, -Infinity, -Infinity] }; });

    told.council.forEach(function (c, k) {
      var t = towns[c], b = zones.box.subarray(4 * k, 4 * k + 4);
      t.n += 1;
      t.x += (b[0] + b[2]) / 2;
      t.y += (b[1] + b[3]) / 2;
      t.box = [Math.min(t.box[0], b[0]), Math.min(t.box[1], b[1]), Math.max(t.box[2], b[2]), Math.max(t.box[3], b[3])];
    });
    var largest = towns.map(function (_, c) { return c; }).sort(function (a, b) { return towns[b].n - towns[a].n || a - b; });

    /* Units of the packed outlines <-> degrees, and -> pixels of the canvas. */
    function degrees(x, y) {
      return L.CRS.EPSG3857.unproject(L.point(told.corner[0] + x * told.step, told.corner[1] - y * told.step));
    }
    function units(latlng) {
      var p = L.CRS.EPSG3857.project(latlng);
      return [(p.x - told.corner[0]) / told.step, (told.corner[1] - p.y) / told.step];
    }
    function pixels() {
      var scale = 256 * Math.pow(2, map.getZoom()) / ROUND, origin = map.getPixelOrigin();
      return { k: told.step * scale, x: (told.corner[0] + ROUND / 2) * scale - origin.x, y: (ROUND / 2 - told.corner[1]) * scale - origin.y };
    }
    function degreesBox(b) { return L.latLngBounds(degrees(b[0], b[1]), degrees(b[2], b[3])); }

    function draw() {
      var ctx = canvas._ctx, frameBox = canvas._bounds, at = pixels(), seen = [[], [], [], [], []], count = 0;
      var view = [(frameBox.min.x - at.x) / at.k, (frameBox.min.y - at.y) / at.k, (frameBox.max.x - at.x) / at.k, (frameBox.max.y - at.y) / at.k];
      var letter = shading.dataset.palette === "change" ? "--d" : "--c";
      ctx.clearRect(frameBox.min.x, frameBox.min.y, frameBox.max.x - frameBox.min.x, frameBox.max.y - frameBox.min.y);
      for (var k = 0; k < zones.size; k += 1) {
        if (zones.touches(k, view)) { seen[digits.charCodeAt(k) - 49].push(k); count += 1; }
      }
      function stroke(colour, width) { ctx.strokeStyle = colour; ctx.lineWidth = width; ctx.stroke(); }
      ctx.lineJoin = "round";
      /* One path a class: neighbours of a class leave no seam. A thin line of the same colour covers those between classes. */
      seen.forEach(function (list, i) {
        ctx.beginPath();
        list.forEach(function (k) { zones.trace(ctx, k, at); });
        ctx.fillStyle = style.getPropertyValue(letter + (i + 1));
        ctx.fill();
        stroke(ctx.fillStyle, 0.5);
      });
      var close = count <= OUTLINED;
      if (close) {
        ctx.beginPath();
        seen.forEach(function (list) { list.forEach(function (k) { zones.trace(ctx, k, at); }); });
        stroke(style.getPropertyValue("--grey"), 0.8);
      }
      ctx.beginPath();
      for (k = 0; k < borders.size; k += 1) { if (borders.touches(k, view)) { borders.trace(ctx, k, at); } }
      ctx.globalAlpha = close ? 1 : 0.6;
      stroke(style.getPropertyValue("--ink"), close ? 1.8 : 0.6);
      ctx.globalAlpha = 1;
      if (chosen >= 0) {
        ctx.beginPath();
        zones.trace(ctx, chosen, at);
        stroke("#fff", 6);
        stroke(style.getPropertyValue("--ink"), 3.5);
      }
      names(ctx, at, view, close ? seen : []);
      frame.dataset.drawn = count;
      frame.dataset.outlined = close ? count : 0;
    }

    /* Names of councils, the largest first, where they have room; numbers of classes in zones that are large enough. */
    function names(ctx, at, view, seen) {
      var taken = [];
      function write(words, x, y, font, w, h) {
        var mine = [x - w, y - h, x + w, y + h];
        if (taken.some(function (t) { return mine[2] > t[0] && mine[0] < t[2] && mine[3] > t[1] && mine[1] < t[3]; })) { return; }
        taken.push(mine);
        ctx.font = font;
        ctx.lineWidth = 3;
        ctx.strokeStyle = "#fff";
        ctx.strokeText(words, x, y);
        ctx.fillStyle = style.getPropertyValue("--ink");
        ctx.fillText(words, x, y);
      }
      ctx.textAlign = "center";
      ctx.textBaseline = "middle";
      largest.forEach(function (c) {
        var t = towns[c], x = t.x / t.n, y = t.y / t.n;
        if (!t.n || x < view[0] || x > view[2] || y < view[1] || y > view[3]) { return; }
        ctx.font = "12px Arial, sans-serif";
        write(told.councils[c], x * at.k + at.x, y * at.k + at.y, ctx.font, ctx.measureText(told.councils[c]).width / 2 + 3, 9);
      });
      seen.forEach(function (list, i) {
        list.forEach(function (k) {
          var b = zones.box.subarray(4 * k, 4 * k + 4), x = (b[0] + b[2]) / 2, y = (b[1] + b[3]) / 2;
          if (Math.min(b[2] - b[0], b[3] - b[1]) * at.k < NUMBER || !zones.holds(k, x, y)) { return; }
          write(String(i + 1), x * at.k + at.x, y * at.k + at.y, "700 13px Arial, sans-serif", 7, 9);
        });
      });
    }

    function words(k) {
      var item = document.querySelectorAll('.key [data-key="' + shading.value + '"] li')[digits.charCodeAt(k) - 49];
      return digits.charAt(k) + " of 5: " + item.childNodes[1].textContent.trim();
    }

    /* Colours, key and the table's counts by class follow the radio buttons. */
    function shade() {
      var counts = towns.map(function () { return [0, 0, 0, 0, 0]; });
      shading = form.querySelector("[name=shading]:checked");
      digits = told.classes[shading.value];
      all("[data-key]").forEach(function (block) { block.hidden = block.dataset.key !== shading.value; });
      told.council.forEach(function (c, k) { counts[c][digits.charCodeAt(k) - 49] += 1; });
      document.querySelector("#councils .group").textContent = document.querySelector('.key [data-key="' + shading.value + '"] h3').firstChild.textContent.trim();
      counts.forEach(function (row, c) {
        var cells = byId("council-" + c).cells;
        row.forEach(function (n, i) { cells[cells.length - 5 + i].textContent = n.toLocaleString("en-GB"); });
      });
      sorting.again();
      if (!byId("card").hidden) { open(chosen); }
    }

    var card = byId("card"), from = null;
    function close() {
      card.hidden = true;
      if (chosen >= 0) { chosen = -1; draw(); }
      if (from) { from.focus({ preventScroll: true }); }
    }
    function open(k) {
      var inside = card.querySelector("div"), list;
      function line(head, text) { made("dt", head, list); made("dd", text, list); }
      card.querySelector("h3").textContent = told.names[k] + " " + told.codes[k];
      inside.textContent = "";
      list = made("dl", "", inside);
      line("Council", told.councils[told.council[k]]);
      line("Class on the map", words(k));
      Object.keys(told.figures).forEach(function (head) { line(head, told.figures[head][k]); });
      if (told.estimate) { made("p", "Travel: " + told.estimate, inside).className = "hint"; }
      card.hidden = false;
      card.scrollTop = 0;
    }
    function choose(k, opener) {
      from = opener;
      chosen = k;
      open(k);
      draw();
      card.focus({ preventScroll: window.innerWidth > 760 });
    }
    card.querySelector("button").addEventListener("click", close);
    card.addEventListener("keydown", function (event) { if (event.key === "Escape") { close(); } });

    function zoneAt(latlng) {
      var u = units(latlng);
      for (var k = 0; k < zones.size; k += 1) { if (zones.holds(k, u[0], u[1])) { return k; } }
      return -1;
    }

    function Search() {
      var asked = byId("search"), wanted = asked.elements.wanted, found = byId("found"), matches = byId("matches");
      var councils = told.councils.map(function (words) { return words.toLowerCase(); }), zone = told.names.map(function (words) { return words.toLowerCase(); });
      told.councils.forEach(function (words) { made("option", "", byId("known")).value = words; });

      function toCouncil(c) {
        var t = towns[c];
        found.textContent = told.councils[c] + (t.n ? ": " + t.n.toLocaleString("en-GB") + " neighbourhood" + (t.n > 1 ? "s." : ".") : " has none on the map.");
        if (t.n) { map.fitBounds(degreesBox(t.box), { animate: !still, padding: [20, 20] }); }
      }
      /* The card lies over the right side of a wide window: the neighbourhood goes beside it. */
      function toZone(k) {
        var aside = window.innerWidth > 760 ? Math.min(350, map.getSize().x / 2) : 60;
        found.textContent = told.names[k] + " is in " + told.councils[told.council[k]] + ".";
        map.fitBounds(degreesBox(zones.box.subarray(4 * k, 4 * k + 4)), { animate: !still, maxZoom: 13, paddingTopLeft: [60, 60], paddingBottomRight: [aside, 60] });
        choose(k, wanted);
      }
      function offer(words, go) {
        var button = made("button", words, made("li", "", matches));
        button.type = "button";
        button.addEventListener("click", function () { matches.hidden = true; go(); });
      }
      function go() {
        var words = wanted.value.trim(), low = words.toLowerCase(), c = councils.indexOf(low), k = zone.indexOf(low), some = [], n;
        matches.textContent = "";
        matches.hidden = true;
        if (!words) { found.textContent = ""; return; }
        if (c >= 0) { toCouncil(c); return; }
        if (k < 0) { k = told.codes.indexOf(words.toUpperCase()); }
        if (k >= 0) { toZone(k); return; }
        function look(list, names, move) {
          list.map(function (name, i) { return name.indexOf(low) < 0 ? -1 : i; }).filter(function (i) { return i >= 0; })
            .sort(function (i, j) { return list[i] < list[j] ? -1 : list[i] > list[j] ? 1 : i - j; })
            .forEach(function (i) { some.push([names[i], function () { move(i); }]); });
        }
        if (words.length > 1) { look(councils, told.councils, toCouncil); look(zone, told.names, toZone); }
        n = some.length;
        if (n === 1) { some[0][1](); return; }
        found.textContent = n ? n.toLocaleString("en-GB") + " found" + (n > MOST ? ", the first " + MOST + " are listed:" : ":")
          : "“" + words + "” was not found: try the name of a council, or the name or code of a neighbourhood.";
        some.slice(0, MOST).forEach(function (one) { offer(one[0], one[1]); });
        matches.hidden = !n;
      }
      asked.addEventListener("submit", go);
      wanted.addEventListener("change", function () { if (councils.indexOf(wanted.value.trim().toLowerCase()) >= 0) { go(); } });
    }

    /* All neighbourhoods as a table: a spreadsheet would run a text that begins like a formula. */
    function csv() {
      var heads = Object.keys(told.figures), keys = Object.keys(told.classes);
      function cell(text) {
        var plain = String(text).replace(/^−(?=\d)/, "-");
        if (/^[=+\-@\t\r]/.test(plain) && isNaN(plain.replace(/,/g, ""))) { plain = "'" + plain; }
        return '"' + plain.replace(/"/g, '""') + '"';
      }
      var rows = [["code", "name", "council"].concat(keys.map(function (key) {
        return "class: " + document.querySelector('.key [data-key="' + key + '"] h3').firstChild.textContent.trim();
      }), heads.map(function (head) { return head + (told.estimate ? " (" + told.estimate + "s)" : ""); }))];
      told.codes.forEach(function (code, k) {
        rows.push([code, told.names[k], told.councils[told.council[k]]].concat(
          keys.map(function (key) { return told.classes[key].charAt(k); }), heads.map(function (head) { return told.figures[head][k]; })));
      });
      return "\ufeff" + rows.map(function (row) { return row.map(cell).join(","); }).join("\r\n") + "\r\n";
    }
    function offerZones() {
      var line = byId("downloads"), link = made("a", "Save " + zones.size.toLocaleString("en-GB") + " neighbourhoods (CSV)");
      line.appendChild(document.createTextNode(" · "));
      line.appendChild(link);
      link.href = "#downloads";
      link.download = told.slug + "-neighbourhoods.csv";
      link.addEventListener("click", function () {
        if (!/^blob:/.test(link.href)) { link.href = URL.createObjectURL(new Blob([csv()], { type: "text/csv" })); }
      });
    }

    var tip = L.tooltip({ direction: "top", offset: [0, -6], opacity: 1 }), under = -1;
    map.on("mousemove", function (event) {
      var k = zoneAt(event.latlng), inside;
      if (k < 0) { under = k; map.closeTooltip(tip); return; }
      if (k !== under) {
        inside = made("div");
        made("strong", told.names[k], inside);
        made("div", told.councils[told.council[k]], inside);
        made("div", "Class " + words(k), inside);
        made("div", "Click for every figure", inside).className = "hint";
        tip.setContent(inside);
        under = k;
      }
      map.openTooltip(tip, event.latlng);
    }).on("mouseout", function () { map.closeTooltip(tip); });
    map.on("click", function (event) {
      var k = zoneAt(event.latlng);
      if (k >= 0) { choose(k, map.getContainer()); }
    });
    document.addEventListener("keydown", function (event) { if (event.key === "Escape") { map.closeTooltip(tip); } });
    form.addEventListener("change", function () { under = -1; shade(); draw(); });

    shade();
    canvas.addTo(map).on("update", draw);  /* after its own handler, which clears it */
    draw();
    Search();
    offerZones();

    /* A canvas that is resized for paper prints empty: the map keeps its size and is scaled. What is drawn now prints as
       sharp lines, which would be many megabytes where very many zones are in view. */
    var box = map.getContainer(), paper = ["width", "height", "transform", "marginBottom"];
    window.addEventListener("beforeprint", function () {
      var w = box.offsetWidth, h = box.offsetHeight, scale = Math.min(PAPER[0] / w, PAPER[1] / h);
      [w + "px", h + "px", "scale(" + scale + ")", h * (scale - 1) + "px"].forEach(function (value, i) { box.style[paper[i]] = value; });
      if (frame.dataset.outlined > 0) { draw(); }
    });
    window.addEventListener("afterprint", function () { paper.forEach(function (name) { box.style[name] = ""; }); });
  }

  return { start: start };
})();
