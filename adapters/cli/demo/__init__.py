"""`baohao demo`: a virtual year of made-up cards on real servers."""
