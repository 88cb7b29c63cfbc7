"""Messages of Caffe's file formats, without the parts that only training needs.

The names and numbers of the fields come from Caffe's own caffe.proto (Jia et al., 2014). There are both generations of
layers: `V1LayerParameter`, called `layers` in files, and the newer `LayerParameter`, called `layer`.

Other versions of Caffe added fields, and some of them gave one number to different fields. Settings are read only from
text, where fields have names. So fields of other versions have numbers from 1000 on here, which no file contains.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

ENUMS = {
    "Phase": "TRAIN=0 TEST=1",
    "Engine": "DEFAULT=0 CAFFE=1 CUDNN=2",
    "VarianceNorm": "FAN_IN=0 FAN_OUT=1 AVERAGE=2",
    "DimCheckMode": "STRICT=0 PERMISSIVE=1",
    "PoolMethod": "MAX=0 AVE=1 STOCHASTIC=2",
    "RoundMode": "CEIL=0 FLOOR=1",
    "BNMode": "LEARN=0 INFERENCE=1",
    "EltwiseOp": "PROD=0 SUM=1 MAX=2",
    "ReductionOp": "SUM=1 ASUM=2 SUMSQ=3 MEAN=4",
    "NormRegion": "ACROSS_CHANNELS=0 WITHIN_CHANNEL=1",
    "LayerType": "NONE=0 ABSVAL=35 ACCURACY=1 ARGMAX=30 BNLL=2 CONCAT=3 CONTRASTIVE_LOSS=37 CONVOLUTION=4 DATA=5 "
    "DECONVOLUTION=39 DROPOUT=6 DUMMY_DATA=32 EUCLIDEAN_LOSS=7 ELTWISE=25 EXP=38 FLATTEN=8 HDF5_DATA=9 "
    "HDF5_OUTPUT=10 HINGE_LOSS=28 IM2COL=11 IMAGE_DATA=12 INFOGAIN_LOSS=13 INNER_PRODUCT=14 LRN=15 MEMORY_DATA=29 "
    "MULTINOMIAL_LOGISTIC_LOSS=16 MVN=34 POOLING=17 POWER=26 RELU=18 SIGMOID=19 SIGMOID_CROSS_ENTROPY_LOSS=27 "
    "SILENCE=36 SOFTMAX=20 SOFTMAX_LOSS=21 SPLIT=22 SLICE=33 TANH=23 WINDOW_DATA=24 THRESHOLD=31 BN=1000",
}
"""Values of each enum, with their numbers."""

PARAMETERS = {
    "ArgMaxParameter": "out_max_val:1:bool top_k:2:uint32=1 axis:3:int32",
    # The version of SegNet has bn_mode; the version of PSPNet has moving averages of the mean and the variance.
    "BNParameter": "scale_filler:1000:FillerParameter shift_filler:1001:FillerParameter bn_mode:1002:BNMode "
    "slope_filler:1003:FillerParameter bias_filler:1004:FillerParameter momentum:1005:float=0.9 eps:1006:float=0.00001 "
    "frozen:1007:bool engine:1008:Engine var_eps:1009:float decay:1010:float moving_average:1011:bool=true "
    "axis:1012:int32=1",
    # The last five fields are those of NVIDIA's version.
    "BatchNormParameter": "use_global_stats:1:bool moving_average_fraction:2:float=0.999 eps:3:float=0.00001 "
    "scale_filler:1000:FillerParameter bias_filler:1001:FillerParameter scale_bias:1002:bool engine:1003:Engine "
    "cudnn_format:1004:bool",
    "BiasParameter": "axis:1:int32=1 num_axes:2:int32=1 filler:3:FillerParameter",
    "ClipParameter": "min:1:float max:2:float",
    "ConcatParameter": "axis:2:int32=1 concat_dim:1:uint32=1",
    "ConvolutionParameter": "num_output:1:uint32 bias_term:2:bool=true pad:3:uint32* kernel_size:4:uint32* "
    "group:5:uint32=1 stride:6:uint32* weight_filler:7:FillerParameter bias_filler:8:FillerParameter pad_h:9:uint32 "
    "pad_w:10:uint32 kernel_h:11:uint32 kernel_w:12:uint32 stride_h:13:uint32 stride_w:14:uint32 engine:15:Engine "
    "axis:16:int32=1 force_nd_im2col:17:bool dilation:18:uint32*",
    "CropParameter": "axis:1:int32=2 offset:2:uint32*",
    "DropoutParameter": "dropout_ratio:1:float=0.5 scale_train:2:bool=true",
    "ELUParameter": "alpha:1:float=1",
    "EltwiseParameter": "operation:1:EltwiseOp=SUM coeff:2:float* stable_prod_grad:3:bool=true",
    "ExpParameter": "base:1:float=-1 scale:2:float=1 shift:3:float",
    "FlattenParameter": "axis:1:int32=1 end_axis:2:int32=-1",
    "InnerProductParameter": "num_output:1:uint32 bias_term:2:bool=true weight_filler:3:FillerParameter "
    "bias_filler:4:FillerParameter axis:5:int32=1 transpose:6:bool",
    "InputParameter": "shape:1:BlobShape*",
    "LRNParameter": "local_size:1:uint32=5 alpha:2:float=1 beta:3:float=0.75 norm_region:4:NormRegion k:5:float=1 "
    "engine:6:Engine",
    "LogParameter": "base:1:float=-1 scale:2:float=1 shift:3:float",
    "MVNParameter": "normalize_variance:1:bool=true across_channels:2:bool eps:3:float=0.000000001",
    "NormalizeParameter": "across_spatial:1:bool=true scale_filler:2:FillerParameter channel_shared:3:bool=true "
    "eps:4:float=0.0000000001",
    "PReLUParameter": "filler:1:FillerParameter channel_shared:2:bool",
    "PoolingParameter": "pool:1:PoolMethod kernel_size:2:uint32 stride:3:uint32=1 pad:4:uint32 kernel_h:5:uint32 "
    "kernel_w:6:uint32 stride_h:7:uint32 stride_w:8:uint32 pad_h:9:uint32 pad_w:10:uint32 engine:11:Engine "
    "global_pooling:12:bool round_mode:13:RoundMode ceil_mode:1000:bool=true",
    "PowerParameter": "power:1:float=1 scale:2:float=1 shift:3:float",
    "ReLU6Parameter": "negative_slope:1:float",
    "ReLUParameter": "negative_slope:1:float engine:2:Engine",
    "ReductionParameter": "operation:1:ReductionOp axis:2:int32 coeff:3:float=1",
    "ReshapeParameter": "shape:1:BlobShape axis:2:int32 num_axes:3:int32=-1",
    "ScaleParameter": "axis:1:int32=1 num_axes:2:int32=1 filler:3:FillerParameter bias_term:4:bool "
    "bias_filler:5:FillerParameter",
    "SigmoidParameter": "engine:1:Engine",
    "SliceParameter": "slice_dim:1:uint32=1 slice_point:2:uint32* axis:3:int32=1",
    "SoftmaxParameter": "engine:1:Engine axis:2:int32=1",
    "SwishParameter": "beta:1:float=1",
    "TanHParameter": "engine:1:Engine",
    "ThresholdParameter": "threshold:1:float",
    "TileParameter": "axis:1:int32=1 tiles:2:int32",
}
"""All settings of each supported type of layer. Because the lists are complete, a misspelled setting is an error."""

MESSAGES = PARAMETERS | {
    "BlobShape": "dim:1:int64*",
    # The numbers of a blob are declared as bytes, so protobuf does not turn each number into an object.
    "BlobProto": "num:1:int32 channels:2:int32 height:3:int32 width:4:int32 data:5:bytes shape:7:BlobShape "
    "double_data:8:bytes",
    "FillerParameter": "type:1:string value:2:float min:3:float max:4:float mean:5:float std:6:float sparse:7:int32 "
    "variance_norm:8:VarianceNorm",
    "NetState": "phase:1:Phase level:2:int32 stage:3:string*",
    "NetStateRule": "phase:1:Phase min_level:2:int32 max_level:3:int32 stage:4:string* not_stage:5:string*",
    "ParamSpec": "name:1:string share_mode:2:DimCheckMode lr_mult:3:float decay_mult:4:float",
    "TransformationParameter": "scale:1:float=1 mirror:2:bool crop_size:3:uint32 mean_file:4:string "
    "mean_value:5:float* force_color:6:bool force_gray:7:bool",
    "LayerParameter": "name:1:string type:2:string bottom:3:string* top:4:string* loss_weight:5:float* "
    "param:6:ParamSpec* blobs:7:BlobProto* include:8:NetStateRule* exclude:9:NetStateRule* phase:10:Phase "
    "propagate_down:11:bool* transform_param:100:TransformationParameter concat_param:104:ConcatParameter "
    "convolution_param:106:ConvolutionParameter dropout_param:108:DropoutParameter "
    "eltwise_param:110:EltwiseParameter inner_product_param:117:InnerProductParameter lrn_param:118:LRNParameter "
    "pooling_param:121:PoolingParameter power_param:122:PowerParameter relu_param:123:ReLUParameter "
    "sigmoid_param:124:SigmoidParameter softmax_param:125:SoftmaxParameter slice_param:126:SliceParameter "
    "tanh_param:127:TanHParameter prelu_param:131:PReLUParameter reshape_param:133:ReshapeParameter "
    "flatten_param:135:FlattenParameter batch_norm_param:139:BatchNormParameter elu_param:140:ELUParameter "
    "bias_param:141:BiasParameter scale_param:142:ScaleParameter input_param:143:InputParameter "
    "crop_param:144:CropParameter argmax_param:103:ArgMaxParameter exp_param:111:ExpParameter "
    "mvn_param:120:MVNParameter threshold_param:128:ThresholdParameter log_param:134:LogParameter "
    "reduction_param:136:ReductionParameter tile_param:138:TileParameter swish_param:147:SwishParameter "
    "clip_param:148:ClipParameter bn_param:1000:BNParameter norm_param:1001:NormalizeParameter "
    "relu6_param:1002:ReLU6Parameter",
    "V1LayerParameter": "layer:1:V0LayerParameter bottom:2:string* top:3:string* name:4:string type:5:LayerType "
    "blobs:6:BlobProto* blobs_lr:7:float* weight_decay:8:float* concat_param:9:ConcatParameter "
    "convolution_param:10:ConvolutionParameter dropout_param:12:DropoutParameter "
    "inner_product_param:17:InnerProductParameter lrn_param:18:LRNParameter pooling_param:19:PoolingParameter "
    "power_param:21:PowerParameter eltwise_param:24:EltwiseParameter relu_param:30:ReLUParameter "
    "slice_param:31:SliceParameter include:32:NetStateRule* exclude:33:NetStateRule* loss_weight:35:float* "
    "transform_param:36:TransformationParameter tanh_param:37:TanHParameter sigmoid_param:38:SigmoidParameter "
    "softmax_param:39:SoftmaxParameter param:1001:string* blob_share_mode:1002:DimCheckMode* "
    "argmax_param:23:ArgMaxParameter threshold_param:25:ThresholdParameter mvn_param:34:MVNParameter "
    "exp_param:41:ExpParameter bn_param:1003:BNParameter",
    # The format before 2013 is recognized but not read.
    "V0LayerParameter": "name:1:string type:2:string",
    "NetParameter": "name:1:string layers:2:V1LayerParameter* input:3:string* input_dim:4:int32* "
    "force_backward:5:bool state:6:NetState debug_info:7:bool input_shape:8:BlobShape* layer:100:LayerParameter*",
    # Parts of the messages above, for reading weights. A caffemodel also contains settings, but they are not used.
    "NetWeights": "layers:2:V1LayerWeights* layer:100:LayerWeights*",
    "V1LayerWeights": "name:4:bytes blobs:6:BlobProto*",
    "LayerWeights": "name:1:bytes blobs:7:BlobProto*",
}
"""Fields of each message: name, number, type, `*` if the field is repeated, and the default value."""

_Field = descriptor_pb2.FieldDescriptorProto


def message_class(name: str) -> type[Any]:
    """Return the message class with the name `name`."""
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"caffe.{name}"))


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="inceptionism/caffe.proto", package="caffe", syntax="proto2")
    for name, values in ENUMS.items():
        # Each enum is in a message of its own, because the names of values must be unique in their scope, and two enums
        # have the value MAX.
        enum = file.message_type.add(name=name).enum_type.add(name="Value")
        for value in values.split():
            label, number = value.split("=")
            enum.value.add(name=label, number=int(number))
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for text in fields.split():
            declaration, _, default = text.partition("=")
            label, number, field_type = declaration.split(":")
            repeated = field_type.endswith("*")
            field = message.field.add(name=label, number=int(number), label=3 if repeated else 1)
            field_type = field_type.rstrip("*")
            if field_type in ENUMS:
                field.type, field.type_name = _Field.TYPE_ENUM, f".caffe.{field_type}.Value"
            elif field_type in MESSAGES:
                field.type, field.type_name = _Field.TYPE_MESSAGE, f".caffe.{field_type}"
            else:
                field.type = _Field.Type.Value(f"TYPE_{field_type.upper()}")
            if default:
                field.default_value = default
    return file


_POOL = descriptor_pool.DescriptorPool()
# The pool is not protobuf's default pool, because another package in this process may declare Caffe's messages too.
_POOL.Add(_file())
