"""What each command does and shows; loaded when it runs, for some of it is heavy."""
