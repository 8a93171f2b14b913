"""What starts a model's trainings over HTTP, tells how they go, and hands out the newest artifact.

`start` makes a `Service` of the environment's variables; `Service.answer` knows nothing of a transport; `asgi` connects
it with functions-framework. What it starts is either a Workflow in the cluster or a process on this machine.
"""
