"""The admin side: what tests and the machine host use, never what an AWS client sees."""
