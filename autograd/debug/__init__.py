"""Displaying, checking and saving nodes: tables in notebooks, the search for NaN, copies and pickles, files.

Read in any order. Imports `engine` and `errors`.
"""
