// SPDX-License-Identifier: Apache-2.0

// The classes and functions of plain data that checkpoints contain beside tensors: hyperparameters, the
// state of random generators, records of a training run. Each makes a value from its arguments and does
// nothing else.

extension AllowedGlobal {
  /// Classes that are values themselves, as the type of a column or of a field.
  static let types: [(String, String)] =
    [
      "list", "dict", "tuple", "int", "long", "float", "bool", "str", "unicode", "object",
    ].map { ("builtins", $0) }
    + [("typing", "Any"), ("typing", "Union"), ("builtins", "Ellipsis")]
    + [
      "bool_", "float16", "float32", "float64", "longdouble", "complex64", "complex128", "int8",
      "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "str_", "bytes_",
    ].map { ("numpy", $0) }
    + [
      ("_mt19937", "MT19937"), ("_pcg64", "PCG64"), ("_pcg64", "PCG64DXSM"),
      ("_philox", "Philox"), ("_sfc64", "SFC64"), ("bit_generator", "SeedSequence"),
    ].map { ("numpy.random." + $0, $1) }

  /// Classes and functions whose results are values, whatever data they are called with.
  static let valueFunctions: [(String, String)] =
    ["pathlib", "pathlib._local"].flatMap { module in
      [
        "PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath", "Path", "PurePath",
      ].map { (module, $0) }
    }
    + ["datetime", "date", "time", "timedelta", "timezone"].map { ("datetime", $0) }
    + [("decimal", "Decimal"), ("fractions", "Fraction")]
    + [
      ("transformers.trainer_utils", "IntervalStrategy"),
      ("transformers.trainer_utils", "SaveStrategy"),
      ("transformers.trainer_utils", "EvaluationStrategy"),
      ("transformers.trainer_utils", "SchedulerType"),
      ("transformers.trainer_utils", "HubStrategy"),
      ("transformers.training_args", "OptimizerNames"),
      ("transformers.debug_utils", "DebugOption"),
      ("accelerate.utils.dataclasses", "DistributedType"),
      ("peft.utils.peft_types", "PeftType"), ("peft.utils.peft_types", "TaskType"),
      ("http", "HTTPStatus"), ("signal", "Signals"), ("uuid", "SafeUUID"),
      ("torch.distributed.checkpoint.metadata", "_MEM_FORMAT_ENCODING"),
      ("torch.distributed._shard.sharded_tensor.metadata", "MEM_FORMAT_ENCODING"),
    ]

  /// Classes whose instances are values with a state.
  static let valueClasses: [(String, String)] =
    [
      ("uuid", "UUID"), ("random", "Random"), ("torch", "Generator"), ("torch._C", "Generator"),
      ("numpy.random._pickle", "__randomstate_ctor"),
      ("numpy.random._pickle", "__generator_ctor"),
      ("numpy.random._pickle", "__bit_generator_ctor"),
      ("numpy.random.bit_generator", "__pyx_unpickle_SeedSequence"),
      ("numpy.random.mtrand", "__RandomState_ctor"),
      ("numpy.random", "__RandomState_ctor"),
      ("omegaconf.dictconfig", "DictConfig"), ("omegaconf.listconfig", "ListConfig"),
      ("omegaconf.base", "ContainerMetadata"), ("omegaconf.base", "Metadata"),
    ]
    + [
      "AnyNode", "IntegerNode", "FloatNode", "StringNode", "BooleanNode", "BytesNode", "PathNode",
      "EnumNode", "UnionNode",
    ].map { ("omegaconf.nodes", $0) }
    + ["torch.distributed.checkpoint", "torch.distributed._shard.checkpoint"].flatMap { package in
      [
        "Metadata", "MetadataIndex", "TensorStorageMetadata", "BytesStorageMetadata",
        "ChunkStorageMetadata", "TensorProperties", "StorageMeta",
      ].map { (package + ".metadata", $0) } + [(package + ".filesystem", "_StorageInfo")]
    }
    + [("torch.distributed._shard.sharded_tensor.metadata", "TensorProperties")]

  /// Classes whose instances are their attributes and entries.
  static let namespaceClasses: [(String, String)] = [
    ("argparse", "Namespace"), ("types", "SimpleNamespace"),
    ("collections", "UserDict"), ("collections", "UserList"), ("collections", "ChainMap"),
    ("pytorch_lightning.utilities.parsing", "AttributeDict"),
    ("lightning.pytorch.utilities.parsing", "AttributeDict"),
    ("lightning.fabric.utilities.data", "AttributeDict"),
    ("lightning_fabric.utilities.data", "AttributeDict"),
  ]
}
