using QLora.Backends;

namespace QLora.Cpu.Attention;

/// <summary>One piece of an attention op that a thread does by itself.</summary>
/// <param name="Segment">The sequence it belongs to.</param>
/// <param name="Head">A query head, or when packing or adding up a key head.</param>
/// <param name="First">Its first query or key within the segment.</param>
/// <param name="End">The query or key after its last.</param>
/// <param name="Pack">Where the packed keys of the segment and key head begin in the workspace.</param>
/// <param name="Share">Backward: where its shares in the gradients of keys and values begin.</param>
internal readonly record struct AttentionItem(AttentionSegment Segment, int Head, int First, int End, nint Pack, nint Share = 0);

/// <summary>A block of keys whose gradients are to be added up.</summary>
/// <param name="Segment">The sequence it belongs to.</param>
/// <param name="KeyHead">The key head.</param>
/// <param name="FirstKey">Its first key within the segment.</param>
/// <param name="FirstRun">The first run of queries that has a share in them.</param>
/// <param name="EndRun">The run after the last.</param>
internal readonly record struct AttentionSum(AttentionSegment Segment, int KeyHead, int FirstKey, int FirstRun, int EndRun);
