"""How good detection is: `make bench-detection` judges every detector on the same surges at the same rate of false alarms.

fleets       which desks are simulated
contestants  who is judged: the product's models through the live code, the usual methods, the limit
recorded     recorded counts as backgrounds for planted surges
comparison   one threshold for each, and what it was worth
thresholds   how many false alarms the product's own thresholds let through
tables       a hundred columns, plain or Markdown
pool         worlds side by side, one a core

Tuned on seeds 0-19 and 100-119; what is reported comes from other seeds.
"""
