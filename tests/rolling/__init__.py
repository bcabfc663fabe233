"""`make roll`: a new release takes over under load, with a migration between, and no request fails."""
