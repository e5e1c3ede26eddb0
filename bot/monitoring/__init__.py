"""How the bot is watched: figures, health, traces, drift. Knows neither Slack nor any text."""
