// SPDX-License-Identifier: Apache-2.0

// One import for programs: the modules whose types appear in the API of the formats, adapters and
// conversions.

@_exported public import AdapterAlgebra
@_exported public import AdapterRepair
@_exported public import Archives
@_exported public import Bridges
@_exported public import CheckpointScan
@_exported public import Checkpoints
@_exported public import ContentDigest
@_exported public import Conversion
@_exported public import DistributedCheckpoint
@_exported public import Files
@_exported public import GGUF
@_exported public import JSONDocument
@_exported public import Kernels
@_exported public import LowRank
@_exported public import Merging
@_exported public import MultitaskPromptTuning
@_exported public import NumPyArchive
@_exported public import PEFT
@_exported public import Reports
@_exported public import SafeTensors
@_exported public import Tensors
@_exported public import TorchCheckpoint
@_exported public import Validation
@_exported public import Verification
