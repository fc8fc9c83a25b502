"""Plug-in for moto that adds what AWS does and moto does not: time, tokens, dependencies, faults, and an admin side."""
