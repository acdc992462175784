// SPDX-License-Identifier: Apache-2.0

/// What is known about a name that a pickle imports: whether code of it would run, and whose code it is.
public struct CodeOrigin: Sendable, Hashable {
  /// How much is known. The raw values are stable.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// Runs commands, code or other pickles, or reaches files, processes or the network: no checkpoint
    /// needs it.
    case dangerous
    /// Is code that is not known here.
    case unknown
    /// Is code of a library whose classes checkpoints often contain. It runs as that library is installed.
    case library
  }

  /// How much is known.
  public let kind: Kind
  /// The library, or nil when it is not known.
  public let library: String?
  /// What it is there for, in words; nil when it is not known.
  public let meaning: String?

  /// Looks up a name.
  ///
  /// - Parameters:
  ///   - module: the module; nil when the pickle computes it.
  ///   - name: the name in the module; nil when the pickle computes it.
  public init(module: String?, name: String?) {
    guard let module, let name else {
      self.init(.unknown, nil, "a name that the pickle computes")
      return
    }
    let package = String(module.prefix { $0 != "." })
    if let meaning = Self.dangerousNames["\(module).\(name)"] ?? Self.dangerousPackages[package] {
      self.init(.dangerous, nil, meaning)
    } else if let known = Self.classes["\(module).\(name)"] {
      self.init(.library, known.library, known.meaning)
    } else if let known = Self.prefixes.first(where: { Self.isIn(module, $0.module) }) {
      self.init(.library, known.library, known.meaning)
    } else {
      self.init(.unknown, nil, nil)
    }
  }

  private init(_ kind: Kind, _ library: String?, _ meaning: String?) {
    self.kind = kind
    self.library = library
    self.meaning = meaning
  }

  private static func isIn(_ module: String, _ prefix: String) -> Bool {
    module == prefix || module.hasPrefix(prefix + ".")
  }

  /// Functions of Python's own that run what they are given.
  private static let dangerousNames: [String: String] = {
    var names: [String: String] = [:]
    for module in ["builtins", "__builtin__"] {
      for name in ["eval", "exec", "execfile", "compile"] {
        names["\(module).\(name)"] = "runs code that it is given"
      }
      for name in ["getattr", "setattr", "delattr", "__import__", "globals", "vars", "apply"] {
        names["\(module).\(name)"] = "reaches any function"
      }
      names["\(module).open"] = "opens files"
    }
    for name in ["attrgetter", "itemgetter", "methodcaller"] {
      for module in ["operator", "_operator"] {
        names["\(module).\(name)"] = "reaches any function"
      }
    }
    names["torch.load"] = "loads another pickle"
    names["torch.storage._load_from_bytes"] = "loads another pickle"
    names["torch.hub.load"] = "downloads code and runs it"
    names["numpy.load"] = "loads another pickle"
    names["joblib.load"] = "loads another pickle"
    return names
  }()

  /// Packages of Python's own that run commands or reach files, processes or the network.
  private static let dangerousPackages: [String: String] = [
    "os": "runs commands, or changes files", "posix": "runs commands, or changes files",
    "nt": "runs commands, or changes files", "subprocess": "runs commands",
    "pty": "runs commands", "commands": "runs commands", "popen2": "runs commands",
    "_posixsubprocess": "runs commands", "platform": "runs commands",
    "sys": "changes the interpreter", "importlib": "imports any module",
    "runpy": "runs any module", "imp": "imports any module", "pkgutil": "imports any module",
    "code": "runs code that it is given", "codeop": "runs code that it is given",
    "timeit": "runs code that it is given", "cProfile": "runs code that it is given",
    "profile": "runs code that it is given", "bdb": "runs code that it is given",
    "pdb": "runs code that it is given", "trace": "runs code that it is given",
    "doctest": "runs code that it is given", "types": "makes code",
    "marshal": "makes code", "ctypes": "reaches memory", "_ctypes": "reaches memory",
    "pickle": "loads another pickle", "_pickle": "loads another pickle",
    "cPickle": "loads another pickle", "dill": "makes code", "cloudpickle": "makes code",
    "shutil": "changes files", "tempfile": "changes files", "shelve": "loads another pickle",
    "socket": "reaches the network", "_socket": "reaches the network",
    "urllib": "reaches the network", "urllib2": "reaches the network",
    "http": "reaches the network", "httplib": "reaches the network",
    "ftplib": "reaches the network", "smtplib": "reaches the network",
    "requests": "reaches the network", "aiohttp": "reaches the network",
    "webbrowser": "opens a browser", "antigravity": "opens a browser",
    "multiprocessing": "starts processes", "threading": "starts threads",
    "asyncio": "starts processes", "signal": "changes the process",
    "pip": "installs packages", "setuptools": "installs packages",
  ]

  /// Classes that files of well-known programs contain.
  private static let classes: [String: (library: String, meaning: String)] = [
    "transformers.training_args.TrainingArguments": (
      "transformers", "the settings of a training run; no weights, and loading a model needs none"
    ),
    "transformers.training_args_seq2seq.Seq2SeqTrainingArguments": (
      "transformers", "the settings of a training run; no weights, and loading a model needs none"
    ),
    "functools.partial": ("Python", "a function with some of its arguments"),
    "accelerate.state.PartialState": ("accelerate", "the processes of a training run"),
    "transformers.trainer_pt_utils.AcceleratorConfig": (
      "transformers", "settings of a training run"
    ),
  ]

  /// Packages whose classes checkpoints often contain, the longest module first.
  private static let prefixes: [(module: String, library: String, meaning: String)] = [
    ("torch.nn", "torch", "a module that was saved whole"),
    ("torch.optim", "torch", "an optimizer or a schedule"),
    ("torch.fx", "torch", "a traced program"),
    ("torch.distributed", "torch", "a part of a distributed tensor"),
    ("torch.ao", "torch", "a quantized module"),
    ("torchvision", "torchvision", "a model or a transform"),
    ("torch", "torch", "an object of torch"),
    ("ultralytics", "ultralytics", "a YOLO model that was saved whole"),
    ("models.yolo", "YOLOv5", "a YOLO model that was saved whole"),
    ("models.common", "YOLOv5", "a layer of a YOLO model"),
    ("models.experimental", "YOLOv5", "a layer of a YOLO model"),
    ("transformers", "transformers", "a model, a config or settings"),
    ("accelerate", "accelerate", "settings of a training run"),
    ("peft", "peft", "a config or a model"), ("trl", "trl", "settings of a training run"),
    ("diffusers", "diffusers", "a model or a config"),
    ("tokenizers", "tokenizers", "a tokenizer"), ("datasets", "datasets", "a data set"),
    ("sentence_transformers", "sentence-transformers", "a model"),
    ("pytorch_lightning", "Lightning", "hyperparameters or callbacks"),
    ("lightning", "Lightning", "hyperparameters or callbacks"),
    ("lightning_fabric", "Lightning", "hyperparameters or callbacks"),
    ("deepspeed", "DeepSpeed", "the state of a training run"),
    ("megatron", "Megatron", "the state of a training run"),
    ("apex", "Apex", "the state of a training run"), ("timm", "timm", "a model"),
    ("fairseq", "fairseq", "settings or a model"), ("omegaconf", "OmegaConf", "a config"),
    ("hydra", "Hydra", "a config"), ("yacs", "YACS", "a config"),
    ("detectron2", "Detectron2", "a model or a config"), ("mmcv", "OpenMMLab", "a model"),
    ("mmengine", "OpenMMLab", "the history of a training run"), ("fvcore", "fvcore", "a config"),
    ("allennlp", "AllenNLP", "a model"), ("espnet", "ESPnet", "a model"),
    ("nemo", "NeMo", "a model"), ("open_clip", "OpenCLIP", "a model"),
    ("stable_baselines3", "Stable-Baselines3", "a policy"), ("gym", "Gym", "a space"),
    ("gymnasium", "Gymnasium", "a space"), ("numpy", "NumPy", "an array or a number"),
    ("pandas", "pandas", "a table"), ("scipy", "SciPy", "an array"),
    ("sklearn", "scikit-learn", "a model"), ("joblib", "joblib", "a stored object"),
    ("xgboost", "XGBoost", "a model"), ("lightgbm", "LightGBM", "a model"),
    ("gensim", "gensim", "a model"), ("keras", "Keras", "a model"),
    ("tensorflow", "TensorFlow", "an object"), ("jax", "JAX", "an array"),
    ("jaxlib", "JAX", "an array"), ("flax", "Flax", "a model"),
  ]
}
