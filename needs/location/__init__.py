"""Choose places on arrays: location models, solved to a proof or to a proven gap."""
