"""The command palette (Ctrl+K): every action, and every conversation, a few letters away."""
