"""`make prove`: nothing that was acknowledged is lost, doubled or stuck, whatever dies."""
