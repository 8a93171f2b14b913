"""The function: from the files of a bundle to answers over HTTP or gRPC.

Only this package and its imports enter an image (`slipway.images.bundle`), so it imports nothing that trains, releases
or reads settings. `start` makes a `Function` of a bundle; `Function.answer` knows no transport. `http` and `grpc` serve
it, `http.framework` within functions-framework, and `oip` has the Open Inference Protocol for both.
"""
