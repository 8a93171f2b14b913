def area(row):
    return row["length"] * row["width"]
