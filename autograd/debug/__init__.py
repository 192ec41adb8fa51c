"""Looking at nodes and keeping them: tables in notebooks, the search for NaN, copies and pickles, files.

Read in any order. Imports `engine` and `errors`.
"""
