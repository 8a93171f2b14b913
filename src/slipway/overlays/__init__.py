"""What `overlays/` holds: releases and routes as types, and as files."""
