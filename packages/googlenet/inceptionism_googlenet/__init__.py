"""The weights of GoogLeNet for the package `inceptionism`, which reads the files in this folder and runs no code."""
