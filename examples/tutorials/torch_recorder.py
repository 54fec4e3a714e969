"""The first table of a PyTorch model: every ReLU of a small network, for made-up images of four classes.

Put your model and the batches of your test set in the place of these.
"""

import repscope
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Conv2d(3, 16, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3), nn.ReLU(),
                      nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 24), nn.ReLU(), nn.Linear(24, 4))
labels = torch.arange(400) % 4
images = torch.rand(400, 3, 32, 32) + torch.rand(4, 3, 1, 1)[labels]  # each class has a color
loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(images, labels), batch_size=50)

with repscope.Recorder(model.eval(), nn.ReLU, classes=4) as recorder, torch.no_grad():
    for images, labels in loader:
        recorder.labels(labels)
        model(images)
print(recorder.table())
recorder.to_html("report.html")
