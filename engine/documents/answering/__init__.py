"""Answers from retrieved passages: cut from them or written freely, and what each rests on."""
