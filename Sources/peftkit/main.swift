import PeftkitCommands

Peftkit.main()
