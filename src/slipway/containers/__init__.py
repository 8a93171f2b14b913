"""Models in any language: a container that speaks the Open Inference Protocol, held to a contract.

`functions/README.md` ("Other languages") has the contract. `model` makes a `Model` of such a container, so that the
training steps learn its schema, measure it and keep its golden predictions; its releases run the container itself.
"""
