"""Several processes on one installation: web, worker and Redis as a Procfile host runs them."""
