"""Motion and events of clips: accuracy on rendered ones, speed and memory."""
