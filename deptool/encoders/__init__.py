"""Encoders, one file each: a recording or its tables in, a sequence of vectors with times out.

There is none yet, and no contract. An encoder will say, besides `LICENCE` and `WEIGHTS` as an
extractor does, whether its vectors identify people; they will lie in embeddings/<encoder>/ of a
corpus, marked as more identifying than the tables.
"""
