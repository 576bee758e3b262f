"""A trained model in the forms of others, each checked against the model when it is written."""
