"""Raw text to an aligned GEB: data, tokenizer, pretraining, instruction tuning, evaluation."""
