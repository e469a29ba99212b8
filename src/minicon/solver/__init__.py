"""The solver: from a request and records to a solution, without I/O. Start at solver.py.

Each folder imports only those before it: candidates, search, joint, explain, result; solver.py
uses all of them. request.py (input and output), reachability.py and capture.py use none.
"""
