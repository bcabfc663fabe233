"""The commands of `anb`, each in the file of its name; what one needs more than its flags is in files beside it."""
