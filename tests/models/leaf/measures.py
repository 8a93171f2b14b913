def area(row, names):
    return row[names.index("length")] * row[names.index("width")]
