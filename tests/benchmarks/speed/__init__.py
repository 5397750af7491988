"""What `make bench` and `make bench-peers` measure with: the engine on a model of random weights.

models → what is measured; measuring, answers, bandwidth → how; rows, processes → what comes out.
"""
