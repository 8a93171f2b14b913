"""What answers predictions inside an image: from the bundle's files to HTTP answers.

Only this package and what it imports enters the image (`slipway.images.bundle`), so it imports nothing that trains,
releases or reads settings. `start` makes a `Function` of a bundle; `Function.answer` knows nothing of a transport;
`asgi` and `server` have uvicorn ask it, `framework` is for functions-framework, and `rpc` asks it over gRPC.
"""
