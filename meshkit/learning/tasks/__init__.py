"""The tasks that come with meshkit: digits, MNIST-5k, and softmax regression without torch.

They are ordinary tasks: a mesh trains one only if its genesis allows it, as
"meshkit.learning.tasks.digits:Digits" and the like.
"""
