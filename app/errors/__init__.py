"""What happens when something unexpected goes wrong: it is said, logged, and the window goes on."""
