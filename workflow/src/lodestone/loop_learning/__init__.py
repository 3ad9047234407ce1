"""Learning demagnetisation curves from grain structures."""
