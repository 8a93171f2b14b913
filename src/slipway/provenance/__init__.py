"""Where an answer comes from, link by link, and whether its model can be trained again."""
