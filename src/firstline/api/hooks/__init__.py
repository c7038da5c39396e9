"""What providers of channels call: answers to pages by text message and by key."""
