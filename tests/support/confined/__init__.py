"""Two tenants' processes as a zygote forks them, of which one tries everything; a program of its own."""
