"""What the people who run it look at: numbers, and when to grow. Backups have a folder of their own."""
