LIMIT = 6.0 +
