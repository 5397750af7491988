"""Training data of our own making: questions about passages, conversations, preference pairs."""
