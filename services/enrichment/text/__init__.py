"""What is read off the bare text, without a model: sentences, quotation marks, who speaks."""
