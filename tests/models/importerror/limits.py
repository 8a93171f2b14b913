import json

LIMIT = json.loads("{]")
