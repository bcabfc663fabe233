"""The servers of one host, started natively under one supervisor: for tests, proofs, and people without Docker."""
