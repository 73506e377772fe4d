"""The stage that the demo plays on: every program it starts, its files, its ports. Python's standard library only."""
