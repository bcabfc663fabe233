"""Reading from a replica, and `make promote`: the main region dies, the second one takes its place."""
