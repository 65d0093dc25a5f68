"""The spectrum of the Hessian: what is asked, the pieces that are computed, the answer made of them."""
