"""What tests drive the receptionist with: a real process, its customers, and a quick variant within the test."""
