"""What our HTTP servers share: tokens, rates, names, sizes, sockets, how a refusal is written."""
