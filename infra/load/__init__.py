"""Load tests and their yardsticks."""
