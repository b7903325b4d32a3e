"""Choose which sites become hub, outreach or nothing, jointly, with a proof."""
